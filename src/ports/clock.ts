/**
 * Time and randomness, as arguments: what the core may not take from the machine itself.
 */
/** Wall clock in ms since 1970. Only the HLC, `at` fields and waits read it; order never does. */
export type Clock = { now(): number }

/** `count` random bytes, cryptographic in production, seeded in simulation. */
export type Random = { bytes(count: number): Uint8Array }
