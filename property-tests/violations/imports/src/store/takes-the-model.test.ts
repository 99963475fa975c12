// violates: property-tests-are-a-leaf
import { target } from '../../property-tests/model.ts'

export const used = target
