// violates: sdk-takes-types-of-the-server
import { target } from '../api.ts'

export const used = target
