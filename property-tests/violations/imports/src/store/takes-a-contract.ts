// violates: no-tests-in-product
import { target } from './contract.ts'

export const used = target
