/** Names and addresses that mean this machine and no other. */
import { isIP } from 'node:net'

/** @param host a name or an address, an IPv6 one with or without its brackets. */
export const isLoopback = (host: string): boolean => {
  const name = host.toLowerCase()
  return name === 'localhost' || name === '::1' || name === '[::1]' || (isIP(name) === 4 && name.startsWith('127.'))
}
