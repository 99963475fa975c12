// violates: unicorn(prefer-node-protocol)
import { readFileSync } from 'fs'

export const run = (): string => readFileSync('a', 'utf8')
