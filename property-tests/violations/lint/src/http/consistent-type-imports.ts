// violates: typescript(consistent-type-imports)
import { Server } from 'node:http'

export type Door = { readonly server: Server }
