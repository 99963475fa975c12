// violates: live-layer
import * as library from 'fastify'

export const used = library
