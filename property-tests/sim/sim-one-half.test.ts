/**
 * Schedules of the simulated world, which every test run plays; the other half is beside it for `npm test -- --all`, so that two cores share them.
 */
import { simulated } from './suite.ts'

simulated('one half', 0)
