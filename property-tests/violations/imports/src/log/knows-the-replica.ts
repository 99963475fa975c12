// violates: log-layer
import * as library from 'fastify'

export const used = library
