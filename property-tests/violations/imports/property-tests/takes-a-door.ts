// violates: property-tests-layer
import { target } from '../src/http/door.ts'

export const used = target
