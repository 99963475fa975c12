/**
 * What every driver of the socket port promises (`ports.ts`), as one suite run against each of them.
 */
import { afterEach, expect, test } from 'vitest'
import type { Dialer, Socket } from './ports.ts'

/** One listening end and a dialer, and how to let time pass until something holds. */
export type DriverUnderTest = {
  readonly url: string
  /** An address where nobody listens. */
  readonly deadUrl: string
  readonly dialer: Dialer
  /** Sockets that were opened to `url`, in order. */
  readonly accepted: readonly Socket[]
  until(fact: () => boolean): Promise<void>
  stop(): Promise<void>
}

type Heard = { readonly frames: Uint8Array[]; readonly closed: string[]; drains: number }

const listen = (socket: Socket): Heard => {
  const heard: Heard = { frames: [], closed: [], drains: 0 }
  socket.listen({
    message: (frame) => heard.frames.push(Uint8Array.from(frame)),
    drained: () => {
      heard.drains++
    },
    closed: (reason) => heard.closed.push(reason),
  })
  return heard
}

export const socketContract = (name: string, start: () => Promise<DriverUnderTest>): void => {
  const running: DriverUnderTest[] = []
  afterEach(async () => {
    for (const driver of running.splice(0)) await driver.stop()
  })
  /** Both ends of a fresh connection. */
  const connect = async () => {
    const driver = await start()
    running.push(driver)
    const opened: Socket[] = []
    driver.dialer.dial(
      driver.url,
      (socket) => opened.push(socket),
      (reason) => expect.fail(reason),
    )
    await driver.until(() => opened.length === 1 && driver.accepted.length === 1)
    return { driver, near: opened[0]!, far: driver.accepted[0]! }
  }

  test(`${name}: whole frames arrive in order, both ways, of any size`, async () => {
    const { driver, near, far } = await connect()
    const [atNear, atFar] = [listen(near), listen(far)]
    const sizes = [0, 1, 125, 126, 65_535, 65_536, 1_000_000]
    for (const size of sizes) near.send(new Uint8Array(size).fill(size % 251))
    far.send(Uint8Array.of(9))
    await driver.until(() => atFar.frames.length === sizes.length && atNear.frames.length === 1)
    expect(atFar.frames.map((frame) => frame.length)).toEqual(sizes)
    expect(atFar.frames.every((frame) => frame.every((byte) => byte === frame.length % 251))).toBe(true)
  })

  test(`${name}: what arrives before anybody listens is not lost`, async () => {
    const { driver, near, far } = await connect()
    const atNear = listen(near)
    near.send(Uint8Array.of(1))
    far.send(Uint8Array.of(2))
    await driver.until(() => atNear.frames.length === 1)
    const atFar = listen(far)
    await driver.until(() => atFar.frames.length === 1)
    expect([...atNear.frames, ...atFar.frames].map((frame) => [...frame])).toEqual([[2], [1]])
  })

  test(`${name}: closing is heard once at each end, with its reason, after the frames before it`, async () => {
    const { driver, near, far } = await connect()
    const [atNear, atFar] = [listen(near), listen(far)]
    near.send(Uint8Array.of(7))
    near.close('revoked')
    near.close('again')
    near.send(Uint8Array.of(8))
    await driver.until(() => atFar.closed.length === 1 && atNear.closed.length === 1)
    expect(atFar.closed).toEqual(['revoked'])
    expect(atFar.frames).toEqual([Uint8Array.of(7)])
    near.send(Uint8Array.of(9))
    expect(near.bufferedBytes()).toBe(0)
  })

  test(`${name}: buffered bytes fall to nothing, and that is told`, async () => {
    const { driver, near, far } = await connect()
    const [atNear, atFar] = [listen(near), listen(far)]
    for (let n = 0; n < 40; n++) near.send(new Uint8Array(250_000))
    expect(near.bufferedBytes()).toBeGreaterThan(0)
    await driver.until(() => atFar.frames.length === 40 && near.bufferedBytes() === 0 && atNear.drains > 0)
  })

  test(`${name}: a dial to nobody fails in one line; a cancelled one says nothing`, async () => {
    const driver = await start()
    running.push(driver)
    const failures: string[] = []
    const never = (): void => expect.fail('called after cancel')
    const cancel = driver.dialer.dial(driver.url, never, never)
    cancel()
    driver.dialer.dial(driver.deadUrl, never, (reason) => failures.push(reason))
    await driver.until(() => failures.length === 1)
    expect(failures[0]).toMatch(/^[^\n]{3,200}$/)
  })
}
