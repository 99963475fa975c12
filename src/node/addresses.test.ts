/** What others are told of where a peer listens: never an address that means 'everywhere'. */
import type { NetworkInterfaceInfo } from 'node:os'
import { expect, test } from 'vitest'
import { limits } from '../../crdt/limits.ts'
import { httpUrlOf, meshUrlOf, reachableAt, readAdvertised } from './addresses.ts'

const info = (address: string, internal = false): NetworkInterfaceInfo => ({
  address,
  internal,
  netmask: '',
  mac: '',
  cidr: null,
  ...(address.includes(':') ? { family: 'IPv6' as const, scopeid: 0 } : { family: 'IPv4' as const }),
})
const machine = {
  lo: [info('127.0.0.1', true), info('::1', true)],
  eth0: [info('fe80::1'), info('2001:db8::7'), info('10.0.0.7'), info('169.254.3.3')],
}

test.each([
  ['http://127.0.0.1:7701', [], 'http://127.0.0.1:7701', ['http://127.0.0.1:7701']],
  ['http://0.0.0.0:7701', [], 'http://127.0.0.1:7701', ['http://10.0.0.7:7701']],
  ['http://[::]:7701', [], 'http://[::1]:7701', ['http://10.0.0.7:7701', 'http://[2001:db8::7]:7701']],
  ['http://0.0.0.0:7701', ['https://mesh.example.org'], 'http://127.0.0.1:7701', ['https://mesh.example.org']],
])('%s with %j', (listening, advertise, local, urls) => {
  expect(reachableAt(listening, advertise, machine)).toEqual({ local, urls })
})

test('a machine without other addresses is reached on itself; many are cut', () => {
  expect(reachableAt('http://0.0.0.0:1', [], { lo: machine.lo })).toEqual({
    local: 'http://127.0.0.1:1',
    urls: ['http://127.0.0.1:1'],
  })
  const many = Array.from({ length: 20 }, (_, n) => info(`10.0.1.${n}`))
  expect(reachableAt('http://0.0.0.0:1', [], { many }).urls).toHaveLength(limits.addresses_per_peer_max)
})

test('what --advertise takes', () => {
  expect(['http://a.example:80/', 'wss://b.example/mesh', 'ws://10.0.0.1:7701/mesh'].map(readAdvertised)).toEqual([
    'http://a.example',
    'https://b.example',
    'http://10.0.0.1:7701',
  ])
  expect(
    [
      'a.example:7701',
      'ftp://a',
      'http://0.0.0.0:1',
      'ws://[::]:1/mesh',
      'http://u:p@a',
      'http://a/x',
      'http://a?x',
      `http://${'a'.repeat(300)}`,
    ].map(readAdvertised),
  ).toEqual(Array.from({ length: 8 }, () => null))
  expect([meshUrlOf('https://b.example'), httpUrlOf('wss://b.example/mesh')]).toEqual([
    'wss://b.example/mesh',
    'https://b.example',
  ])
})
