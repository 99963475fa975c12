/** The login service: its text, word for word, what is not ours, and what systemd says of it where it is at home. */
import { spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { removeService, serviceOf, writeService } from './service.ts'

let home = ''
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mnemesh-service-'))
})
afterEach(() => rm(home, { recursive: true, force: true }))

const command = {
  program: '/usr/bin/node',
  words: ['/opt/100% "mine"/main.js'],
  env: { XDG_DATA_HOME: '/data/$me & co' },
}
const linux = () => serviceOf(command, { platform: 'linux', home, env: {}, uid: 501 })!

test('a systemd user unit', () => {
  expect(linux()).toMatchObject({
    file: join(home, '.config/systemd/user/mnemesh.service'),
    enable: [
      ['systemctl', '--user', 'daemon-reload'],
      ['systemctl', '--user', 'enable', '--now', 'mnemesh.service'],
    ],
  })
  expect(serviceOf(command, { platform: 'linux', home, env: { XDG_CONFIG_HOME: '/c' }, uid: 1 })!.file).toBe(
    '/c/systemd/user/mnemesh.service',
  )
  expect(linux().text)
    .toBe(String.raw`# written by ${'`mnemesh up --service`'}; ${'`mnemesh down --service`'} takes it away
[Unit]
Description=This user's mnemesh peer, a memory for AI agents

[Service]
Type=oneshot
RemainAfterExit=yes
KillMode=process
UMask=0077
TimeoutStartSec=90
Environment="XDG_DATA_HOME=/data/$me & co"
ExecStart="/usr/bin/node" "/opt/100%% \"mine\"/main.js" "up"
ExecStop="/usr/bin/node" "/opt/100%% \"mine\"/main.js" "down"

[Install]
WantedBy=default.target
`)
  expect(serviceOf({ ...command, words: ['/a$b'] }, { platform: 'linux', home, env: {}, uid: 1 })!.text).toContain(
    'ExecStart="/usr/bin/node" "/a$$b" "up"\n',
  )
})

test('a launchd agent', () => {
  const agent = serviceOf(command, { platform: 'darwin', home, env: {}, uid: 501 })!
  expect([agent.file, agent.enable, agent.disable]).toEqual([
    join(home, 'Library/LaunchAgents/mnemesh.peer.plist'),
    [['launchctl', 'bootstrap', 'gui/501', agent.file]],
    [['launchctl', 'bootout', 'gui/501/mnemesh.peer']],
  ])
  expect(agent.text).toBe(`<?xml version="1.0" encoding="UTF-8"?>
<!-- written by \`mnemesh up --service\` -->
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>mnemesh.peer</string>
  <key>ProgramArguments</key>
  <array>
    <string>/usr/bin/node</string>
    <string>/opt/100% "mine"/main.js</string>
    <string>up</string>
  </array>
  <key>EnvironmentVariables</key>
  <dict>
    <key>XDG_DATA_HOME</key>
    <string>/data/$me &amp; co</string>
  </dict>
  <key>RunAtLoad</key>
  <true/>
  <key>AbandonProcessGroup</key>
  <true/>
  <key>Umask</key>
  <integer>63</integer>
</dict>
</plist>
`)
  expect(serviceOf(command, { platform: 'win32', home, env: {}, uid: 0 })).toBeNull()
})

test('written once, taken away, and what is not ours is left alone', async () => {
  const service = linux()
  expect([await writeService(service), await writeService(service)]).toEqual([true, false])
  expect(await readFile(service.file, 'utf8')).toBe(service.text)
  expect([await removeService(service), await removeService(service)]).toEqual([true, false])
  await expect(stat(service.file)).rejects.toThrow(/ENOENT/)
  await mkdir(dirname(service.file), { recursive: true })
  await writeFile(service.file, '[Unit]\n')
  await expect(writeService(service)).rejects.toThrow(/was not written by mnemesh/)
  await expect(removeService(service)).rejects.toThrow(/was not written by mnemesh/)
  expect(await readFile(service.file, 'utf8')).toBe('[Unit]\n')
})

test.skipIf(spawnSync('systemd-analyze', ['--version']).error !== undefined)(
  'systemd finds nothing wrong with it',
  async () => {
    const service = serviceOf(
      { program: process.execPath, words: [join(home, 'main.js')], env: {} },
      { platform: 'linux', home, env: {}, uid: 1 },
    )!
    await writeService(service)
    const verified = (): readonly unknown[] => {
      const { status, stderr } = spawnSync('systemd-analyze', ['--user', 'verify', service.file], {
        encoding: 'utf8',
        env: { ...process.env, XDG_RUNTIME_DIR: home },
      })
      return [status, stderr.split('\n').filter((line) => line.includes('mnemesh.service'))]
    }
    expect(verified()).toEqual([0, []])
    await writeFile(service.file, service.text.replace('ExecStart="', 'ExecStart="./'))
    expect(verified()).not.toEqual([0, []])
  },
)
