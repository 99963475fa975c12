/** An embedding endpoint on loopback that behaves as it is told: well (trigrams of the text), or as `misbehave` does. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { hashedVector } from './hashing.test-support.ts'

export type Request = {
  readonly input: readonly string[]
  readonly model: string
  readonly dimensions?: number
  readonly authorization: string | undefined
  readonly path: string | undefined
}
/** Answers the request itself, and true; false leaves it to the endpoint. */
export type Misbehaviour = (request: Request, response: ServerResponse) => boolean

export type Endpoint = {
  readonly url: string
  readonly requests: Request[]
  misbehave: Misbehaviour
  /** As it would have answered by itself. */
  answer(response: ServerResponse, input: readonly string[], model: string, dim: number): void
  stop(): Promise<void>
}

export const DIM = 32

/** @param port 0 takes a free one. */
export const startEndpoint = async (port = 0): Promise<Endpoint> => {
  const server = createServer((incoming, response) => void answer(incoming, response))
  const endpoint = {
    url: '',
    requests: [] as Request[],
    misbehave: (() => false) as Misbehaviour,
    answer: (response: ServerResponse, input: readonly string[], model: string, dim: number): void =>
      void sayVectors(
        response,
        input.map((text) => hashedVector(text, dim, model)),
      ),
    stop: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  const answer = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = []
    for await (const chunk of incoming) chunks.push(chunk as Buffer)
    const request: Request = {
      ...(JSON.parse(Buffer.concat(chunks).toString()) as Pick<Request, 'input' | 'model'>),
      authorization: incoming.headers.authorization,
      path: incoming.url,
    }
    endpoint.requests.push(request)
    if (!endpoint.misbehave(request, response))
      endpoint.answer(response, request.input, request.model, request.dimensions ?? DIM)
  }
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.address()
  endpoint.url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/v1`
  return endpoint
}

export const say = (
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): true => {
  response.writeHead(status, headers).end(body)
  return true
}

export const sayVectors = (response: ServerResponse, vectors: readonly unknown[]): true =>
  say(
    response,
    200,
    JSON.stringify({ data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })) }),
  )

/** Timers of the test: each wait is noted, and ends at once, but for those that `holds` names. */
export const hastyTimers = (holds: (ms: number) => boolean = () => false) => {
  const waits: number[] = []
  return {
    waits,
    after: (ms: number, run: () => void): (() => void) => {
      waits.push(ms)
      if (holds(ms)) return () => undefined
      const timer = setTimeout(run, 0)
      return () => clearTimeout(timer)
    },
  }
}

export const realAfter = (ms: number, run: () => void): (() => void) => {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}
