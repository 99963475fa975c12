/**
 * prom-client's metrics of the process, with processor seconds since the process began: its own count from when they are first asked
 * for, which is the first scrape.
 */
import { collectDefaultMetrics, Counter, type Registry } from 'prom-client'

export const addProcessMetrics = (registry: Registry, prefix: string): void => {
  collectDefaultMetrics({ register: registry, prefix })
  const cpu = (name: string, help: string, micros: (usage: NodeJS.CpuUsage) => number): void => {
    const full = `${prefix}${name}`
    registry.removeSingleMetric(full)
    new Counter({
      name: full,
      help,
      registers: [registry],
      collect() {
        this.reset()
        this.inc(micros(process.cpuUsage()) / 1e6)
      },
    })
  }
  cpu('process_cpu_user_seconds_total', 'User processor time of the process, s', ({ user }) => user)
  cpu('process_cpu_system_seconds_total', 'System processor time of the process, s', ({ system }) => system)
  cpu('process_cpu_seconds_total', 'Processor time of the process, s', ({ user, system }) => user + system)
}
