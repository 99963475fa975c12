/**
 * A port that is taken, by somebody who was there before or who comes in between, keeps nobody from listening who takes any other.
 */
import { createServer, type AddressInfo, type Server } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { listenHereOrFree } from './listen.ts'

const HOST = '127.0.0.1'
const open = new Set<Server>()
afterEach(async () => {
  for (const server of open) await new Promise((resolve) => server.close(resolve))
  open.clear()
})
const listenOn = async (port: number): Promise<number> => {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host: HOST, exclusive: true }, resolve)
  })
  open.add(server)
  return (server.address() as AddressInfo).port
}

test('a free port is taken as it was asked for', async () => {
  const port = await listenOn(0)
  for (const server of open) await new Promise((resolve) => server.close(resolve))
  open.clear()
  const got: number[] = []
  await listenHereOrFree(async (next) => got.push(await listenOn(next)), { host: HOST, port, orFree: true })
  expect(got).toEqual([port])
})

test('a port that is taken is given up for another, also when that is taken in between', async () => {
  const port = await listenOn(0)
  const asked: number[] = []
  let got = 0
  const listen = async (next: number): Promise<void> => {
    asked.push(next)
    // A program that is faster, the first two times.
    if (asked.length > 1 && asked.length < 4) await listenOn(next)
    got = await listenOn(next)
  }
  await listenHereOrFree(listen, { host: HOST, port, orFree: true })
  expect(asked).toHaveLength(4)
  expect(asked[0]).toBe(port)
  expect(got).toBe(asked[3])
})

test('after sixteen in a row it gives up, and where no other port will do at once', async () => {
  const port = await listenOn(0)
  const always = (tries: number[]) => async (next: number) => {
    tries.push(next)
    if (next !== port) await listenOn(next)
    await listenOn(next)
  }
  const [many, one]: [number[], number[]] = [[], []]
  await expect(listenHereOrFree(always(many), { host: HOST, port, orFree: true })).rejects.toThrow('EADDRINUSE')
  await expect(listenHereOrFree(always(one), { host: HOST, port, orFree: false })).rejects.toThrow('EADDRINUSE')
  expect([many.length, one.length]).toEqual([16, 1])
})

test('another failure is no reason to try again', async () => {
  let tries = 0
  const refuse = async (): Promise<void> => {
    tries++
    throw Object.assign(new Error('not allowed'), { code: 'EACCES' })
  }
  await expect(listenHereOrFree(refuse, { host: HOST, port: 80, orFree: true })).rejects.toThrow('not allowed')
  expect(tries).toBe(1)
})
