// violates: typescript(consistent-type-exports)
import type { Server } from 'node:http'

export { Server }
