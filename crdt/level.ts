/**
 * The mesh's format level (FORMAT §11): which kinds of events and which of their fields stand for something. It stands in the control
 * log and only rises; a commit is read at the level in force at its `policy`, for ever. So two builds, one of which knows more, hold
 * the same documents.
 */

/** The highest level whose kinds and fields this build reads. */
export const FORMAT_LEVEL = 1
/** What a mesh has before anybody raised it. */
export const FIRST_LEVEL = 1
/** Levels that a hello can tell of (PROTOCOL HS11). */
export const LEVELS_MAX = 16
