/**
 * Detached bodies: the text of a field, kept beside the event and named by its salted hash.
 *
 * ref = SHA-256("mnemesh/body/1" ‖ salt ‖ text). A text can be destroyed everywhere while every hash and signature still
 * verifies; the salt (16 random bytes) keeps a short text from being guessed by its ref.
 */
import { sha256Hex } from './hash.ts'
import type { Ref } from './ids.ts'

export const SALT_BYTES = 16

/** `text` is UTF-8, at most the field's limit (`limits.content_bytes_max` and its siblings). */
export type Body = { readonly ref: Ref; readonly salt: Uint8Array; readonly text: Uint8Array }

export const refOf = (salt: Uint8Array, text: Uint8Array): Ref => sha256Hex('mnemesh/body/1', salt, text) as Ref

/** @param salt 16 random bytes. */
export const makeBody = (salt: Uint8Array, text: Uint8Array): Body => ({ ref: refOf(salt, text), salt, text })
