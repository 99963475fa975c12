/**
 * A sample of schedules whose rows go to the real embedded database: what each peer's projection was told in the weather, resets
 * and all, gives the same rows on every peer, and those of the plain maps that the other schedules use.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEngine } from '../../src/projection/engine.ts'
import { openPglite } from '../../src/projection/pglite.ts'
import type { Projection, ProjectionBatch, ProjectionDigest } from '../../src/ports/projection.ts'
import { generate } from './generate.ts'
import type { Machine } from './machine.ts'
import { runSchedule } from './run.ts'

const SCHEDULES = 4
const LISTED_MAX = 1_000
const NOW = '2026-01-01T06:00:00.000Z'

const folder = mkdtempSync(join(tmpdir(), 'mnemesh-sim-rows-'))
const sql = openPglite(folder, () => undefined)
const engine = createEngine(sql)
beforeAll(async () => {
  await engine.open()
})
/** As `reset` does, without making the database anew, which takes seconds. */
const empty = (): Promise<unknown> =>
  sql.transaction(async (query) => {
    const tables = await query<{ name: string }>(
      "select format('%I', tablename) as name from pg_tables where schemaname = current_schema() and tablename <> 'schema_version'",
    )
    await query(`truncate ${tables.map(({ name }) => name).join(', ')}`)
  })
afterAll(async () => {
  await engine.close()
  rmSync(folder, { recursive: true, force: true })
})

type Told = { readonly kind: 'batch'; readonly batch: ProjectionBatch } | { readonly kind: 'reset' }

test.each(Array.from({ length: SCHEDULES }, (_, i) => `rows:${i}`))('%s', { timeout: 120_000 }, async (seed) => {
  const toldByMachine = new Map<Machine, Told[]>()
  const listening = (machine: Machine): Projection => {
    const told = toldByMachine.get(machine) ?? []
    toldByMachine.set(machine, told)
    const beside: Told[] = []
    return {
      ...machine.rows,
      open: async () => {
        const cursor = await machine.rows.open()
        // As when somebody deleted the folder between two starts.
        if (cursor === null) told.push({ kind: 'reset' })
        return cursor
      },
      apply: async (batch) => {
        told.push({ kind: 'batch', batch })
        await machine.rows.apply(batch)
      },
      begin: async (log) => {
        const at = await machine.rows.begin(log)
        if (at === null) beside.length = 0
        return at
      },
      applyNext: async (batch) => {
        beside.push({ kind: 'batch', batch })
        await machine.rows.applyNext(batch)
      },
      takeOver: async () => {
        told.push({ kind: 'reset' }, ...beside.splice(0))
        await machine.rows.takeOver()
      },
      reset: async () => {
        told.push({ kind: 'reset' })
        await machine.rows.reset()
      },
    }
  }
  const visible = new Map<Machine, readonly string[]>()
  const digestByMachine = new Map<Machine, Promise<ProjectionDigest>>()
  const audited = new Map<Machine, readonly string[]>()
  const { violations } = await runSchedule(generate(seed), {
    projection: listening,
    onEnd: ({ machines }) =>
      machines.forEach((machine) => {
        digestByMachine.set(machine, machine.rows.digest())
        visible.set(
          machine,
          machine.rows
            .memories()
            .filter(({ forgotten, erased }) => !forgotten && !erased)
            .map(({ id, version }) => `${id} ${version}`),
        )
        audited.set(
          machine,
          [
            ...machine.rows.allEvents().map(({ event_id, commit }) => `${event_id} ${commit}`),
            ...machine.rows.allConflicts().map(({ memory, field, event_id }) => `${memory} ${field} ${event_id}`),
          ].sort(),
        )
      }),
  })
  expect(violations).toEqual([])
  const digests: string[] = []
  for (const [machine, rows] of visible) {
    await empty()
    for (const told of toldByMachine.get(machine) ?? [])
      await (told.kind === 'reset' ? empty() : engine.apply(told.batch))
    const listed = await engine.list({}, { limit: LISTED_MAX, now: NOW })
    expect(
      listed.rows.map(({ id, version }) => `${id} ${version}`).toSorted(),
      `rows of ${machine.member.name}`,
    ).toEqual([...rows])
    const audit = await sql.snapshot((query) =>
      query<{ said: string }>(
        "select id || ' ' || commit_hash as said from events union all select memory || ' ' || field || ' ' || event from conflicts",
      ),
    )
    expect(audit.map(({ said }) => said).sort(), `events and conflicts of ${machine.member.name}`).toEqual(
      audited.get(machine),
    )
    const digest = await engine.digest()
    expect(digest, `digest of ${machine.member.name}, and of its plain maps`).toEqual(
      await digestByMachine.get(machine),
    )
    digests.push(digest.all)
  }
  expect(new Set(digests).size).toBe(1)
})
