/** The relay between peers: what it does to bytes, in each way, and that it tells what it did. */
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { freePorts } from '../local/ports.ts'
import { until } from '../local/until.ts'
import { between, oneWay, startNetwork, type Network } from './network.ts'

const ID = 'ab'.repeat(32)
const SEEN_MS = 15_000
const SHORT_MS = 150

let network: Network
let server: Server
let client: Socket
afterEach(async () => {
  client.destroy()
  await network.close()
  server.close()
})

/** b behind a relay, which answers each line with the same; and a connection to it that a made. */
const dial = async () => {
  const [port, relayPort] = [await freePorts(1), await freePorts(1)]
  const ended: string[] = []
  server = createServer((socket) => {
    socket
      .on('data', (data) => socket.write(data))
      .on('error', () => undefined)
      .on('close', () => void ended.push('server'))
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  network = startNetwork(() => 0.5)
  await network.add({ name: 'b', port, relayPort })
  client = connect({ port: relayPort, host: '127.0.0.1' })
  let heard = ''
  client
    .on('data', (data: Buffer) => void (heard += data.toString()))
    .on('error', () => undefined)
    .on('close', () => void ended.push('client'))
  client.write(`GET /mesh HTTP/1.1\r\nx-mnemesh-peer: ${ID}\r\n\r\n`)
  const hears = (text: string) =>
    until(
      `a hears ${text}`,
      SEEN_MS,
      async () => (heard.includes(text) ? true : null),
      () => heard,
    )
  await hears('x-mnemesh-peer')
  // A peer dials before anybody can have asked it for its id.
  network.identify(ID, 'a')
  return { say: (text: string) => client.write(text), hears, heard: () => heard, ended }
}

test('open, it passes all both ways; what is held comes late and whole, after the cut', async () => {
  const { say, hears, heard } = await dial()
  say('one ')
  await hears('one ')
  network.shape(between(['a'], ['b']), { cut: 'hold' })
  say('two ')
  say('three ')
  await until('bytes are held', SEEN_MS, async () => (network.counts().held === 10 ? true : null))
  await pause(SHORT_MS)
  expect(heard()).not.toContain('two')
  network.heal(between(['a'], ['b']))
  await hears('one two three ')
})

test('one way: the question arrives and the answer does not', async () => {
  const { say, heard } = await dial()
  network.shape(oneWay(['b'], ['a']), { cut: 'hold' })
  const { passed } = network.counts()
  say('asked')
  await until('the answer is held', SEEN_MS, async () => (network.counts().held === 5 ? true : null))
  expect([network.counts().passed - passed, heard().includes('asked')]).toEqual([5, false])
})

test('an answer is lost from the piece on in which its request passed: what came back before is heard, a quiet link loses nothing', async () => {
  const { say, heard, ended } = await dial()
  const quiet = network.loseAnswer('b', 'c')
  const answer = network.loseAnswer('a', 'b')
  await pause(SHORT_MS)
  expect([answer.bytes(), quiet.bytes()]).toEqual([
    { asked: 0, lost: 0 },
    { asked: 0, lost: 0 },
  ])
  say('asked')
  await until('the answer is lost', SEEN_MS, async () => (answer.bytes().lost > 0 ? true : null))
  expect(answer.bytes()).toEqual({ asked: 5, lost: 5 })
  expect([heard().includes('asked'), ended]).toEqual([false, []])
  answer.heal()
  await until('both ends are ended', SEEN_MS, async () => (ended.length === 2 ? true : null))
  expect(quiet.bytes()).toEqual({ asked: 0, lost: 0 })
})

test('where bytes were lost the connection does not outlive the cut', async () => {
  const { say, heard, ended } = await dial()
  network.shape(oneWay(['a'], ['b']), { cut: 'lose' })
  say('lost')
  await until('bytes are lost', SEEN_MS, async () => (network.counts().lost === 4 ? true : null))
  expect(ended).toEqual([])
  network.heal(oneWay(['a'], ['b']))
  await until('both ends are ended', SEEN_MS, async () => (ended.length === 2 ? true : null))
  expect(heard()).not.toContain('lost')
})

test('half-open: one end is gone, the other is not told', async () => {
  const { say, ended } = await dial()
  network.halve('a', 'b')
  await until('the server end is gone', SEEN_MS, async () => (ended.includes('server') ? true : null))
  say('to nobody')
  await pause(SHORT_MS)
  expect(ended).toEqual(['server'])
  network.heal(between(['a'], ['b']))
  await until('the client is told', SEEN_MS, async () => (ended.includes('client') ? true : null))
})

test('delay and bandwidth take at least their time, and pairs of others are left alone', async () => {
  const { say, hears } = await dial()
  network.shape(oneWay(['c'], ['b']), { cut: 'lose' })
  network.shape(oneWay(['a'], ['b']), { delayMs: 80, bytesPerSecond: 100_000 })
  const fromMs = performance.now()
  say(`${'x'.repeat(10_000)}.`)
  await hears('x.')
  expect(performance.now() - fromMs).toBeGreaterThan(160)
  expect(network.counts()).toMatchObject({ delayed: 10_001, lost: 0 })
})
