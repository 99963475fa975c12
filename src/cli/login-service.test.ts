/** `up --service --dry-run`: what would be written and run, and nothing else happens. */
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runCli, succeeded } from './testing/run-cli.ts'

test.skipIf(process.platform !== 'linux')('it tells the unit and the commands, and writes nothing', async () => {
  const home = await mkdtemp(join(tmpdir(), 'mnemesh-login-'))
  const env = { HOME: home }
  try {
    const { file, text, commands } = JSON.parse(
      succeeded(await runCli(['up', '--service', '--dry-run', '--json'], { env })).out,
    ) as { file: string; text: string; commands: string[] }
    expect(file).toBe(join(home, '.config/systemd/user/mnemesh.service'))
    expect(text).toContain(`ExecStart="${process.execPath}" "`)
    expect(commands.at(-1)).toBe('systemctl --user enable --now mnemesh.service')
    const down = succeeded(await runCli(['down', '--service', '--dry-run'], { env })).out
    expect(down).toContain(`takes away ${file}`)
    expect(down).toContain('$ systemctl --user disable --now mnemesh.service')
    expect(await readdir(home)).toEqual([])
    expect((await runCli(['up', '--dry-run'], { env })).exit).toBe(2)
  } finally {
    await rm(home, { recursive: true, force: true })
  }
})
