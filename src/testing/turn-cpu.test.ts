/**
 * A turn's processor time is measured as it is.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { longestTurn, TICK_MS } from './turn-cpu.ts'

const spin = (ms: number): void => {
  const { user, system } = process.cpuUsage()
  for (let used = 0; used < ms;) {
    const now = process.cpuUsage()
    used = (now.user + now.system - user - system) / 1e3
  }
}

test('work in one go is one long turn, in parts it is short ones, and waiting is none', async () => {
  expect((await longestTurn(async () => spin(120))).ms).toBeGreaterThan(60)
  const parts = await longestTurn(async () => {
    for (let i = 0; i < 12; i++) {
      spin(5)
      await sleep(0)
    }
    return 'done'
  })
  expect(parts.value).toBe('done')
  expect(parts.ms).toBeLessThan(5 + 2 * TICK_MS + 20)
  expect((await longestTurn(() => sleep(200))).ms).toBeLessThan(2 * TICK_MS + 20)
})
