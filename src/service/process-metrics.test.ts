/**
 * The processor seconds that metrics tell are the process's own, from its start.
 */
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'
import { addProcessMetrics } from './process-metrics.ts'

test('processor seconds are those of the process, also when they are first asked for late', async () => {
  const registry = new Registry()
  addProcessMetrics(registry, 'x_')
  const secondsOf = async (name: string): Promise<number> =>
    Number(new RegExp(`^x_${name} (\\S+)$`, 'm').exec(await registry.metrics())?.[1])
  const { user, system } = process.cpuUsage()
  // This process took more than a tenth of a second to come up to here.
  expect(await secondsOf('process_cpu_seconds_total')).toBeGreaterThanOrEqual((user + system) / 1e6)
  expect((user + system) / 1e6).toBeGreaterThan(0.1)
  expect(await secondsOf('process_cpu_user_seconds_total')).toBeLessThanOrEqual(process.cpuUsage().user / 1e6)
  const before = await secondsOf('process_cpu_seconds_total')
  for (const endMs = performance.now() + 50; performance.now() < endMs;);
  expect(await secondsOf('process_cpu_seconds_total')).toBeGreaterThan(before)
})
