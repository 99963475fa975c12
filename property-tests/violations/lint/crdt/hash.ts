// violates: eslint(no-restricted-imports)
import { randomBytes } from 'node:crypto'

export const draw = (): Uint8Array => randomBytes(16)
