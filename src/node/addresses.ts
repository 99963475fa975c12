/**
 * Where others reach this peer, and where it is reached on its own machine. Pure: the machine's interfaces are an argument.
 *
 * Who listens on all addresses (`0.0.0.0`, `::`) is reached at none of that name: others are told what `--advertise` says, else the
 * machine's own addresses, those of version 4 first.
 */
import type { NetworkInterfaceInfo } from 'node:os'
import { limits } from '../../crdt/limits.ts'

export type Reachable = {
  /** For the command line on this machine. */
  readonly local: string
  /** HTTP addresses for others, the best first; at most `addresses_per_peer_max`. */
  readonly urls: readonly string[]
}

type Interfaces = NodeJS.Dict<NetworkInterfaceInfo[]>

/** @param listening what the door listens on, `http://host:port`. @param advertise as `readAdvertised` gives them. */
export const reachableAt = (listening: string, advertise: readonly string[], interfaces: Interfaces): Reachable => {
  const { hostname, port } = new URL(listening)
  const everywhere = hostname === '0.0.0.0' || hostname === '[::]'
  const local = everywhere ? `http://${hostname === '[::]' ? '[::1]' : '127.0.0.1'}:${port}` : listening
  const own = everywhere
    ? machineAddresses(interfaces, hostname === '[::]').map((host) => `http://${host}:${port}`)
    : [listening]
  const urls = advertise.length > 0 ? advertise : own.length > 0 ? own : [local]
  return { local, urls: urls.slice(0, limits.addresses_per_peer_max) }
}

/** `http(s)://host:port` or `ws(s)://host:port/mesh` → its HTTP form; null when it is neither, or names no single host. */
export const readAdvertised = (text: string): string | null => {
  if (!URL.canParse(text) || text.length > limits.address_url_bytes_max - '/mesh'.length) return null
  const url = new URL(text)
  const scheme = { 'http:': 'http', 'https:': 'https', 'ws:': 'http', 'wss:': 'https' }[url.protocol]
  const plain =
    url.username === '' &&
    url.password === '' &&
    url.search === '' &&
    url.hash === '' &&
    ['', '/', '/mesh'].includes(url.pathname)
  if (scheme === undefined || !plain || ['', '0.0.0.0', '[::]'].includes(url.hostname)) return null
  return `${scheme}://${url.host}`
}

/** An HTTP address ↔ the address of the mesh behind it. */
export const meshUrlOf = (url: string): string => `${url.replace(/^http/, 'ws')}/mesh`
export const httpUrlOf = (url: string): string => url.replace(/^ws/, 'http').replace(/\/mesh$/, '')

/** Without loopback, and without link-local ones, which need the name of an interface that other machines do not share. */
const machineAddresses = (interfaces: Interfaces, both: boolean): readonly string[] => {
  const found = Object.values(interfaces)
    .flatMap((infos) => infos ?? [])
    .filter(({ internal }) => !internal)
  const four = found.flatMap(({ family, address }) =>
    family === 'IPv4' && !address.startsWith('169.254.') ? [address] : [],
  )
  const six = found.flatMap(({ family, address }) =>
    family === 'IPv6' && !/^fe[89ab]/i.test(address) ? [`[${address}]`] : [],
  )
  return both ? [...four, ...six] : four
}
