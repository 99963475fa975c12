// violates: no-tests-in-product
import { target } from './level.test.ts'

export const used = target
