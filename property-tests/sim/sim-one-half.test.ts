/**
 * A thousand schedules, half of what every test run plays; the other half is beside it, so that two cores share them.
 */
import { simulated } from './suite.ts'

simulated('one half', 0)
