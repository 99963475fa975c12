// violates: cli-layer
import * as library from 'fastify'

export const used = library
