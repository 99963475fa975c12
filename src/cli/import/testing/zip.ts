/**
 * A zip for tests, by hand, since no honest library writes the hostile ones: stored or deflated entries, and whatever name and mode is asked for.
 */
import { crc32, deflateRawSync } from 'node:zlib'

export type ZipEntry = {
  readonly name: string
  readonly data: Uint8Array
  /** Unix mode; 0o120777 is a link. */ readonly mode?: number
  readonly encrypted?: boolean
  /** Told instead of the true size. */ readonly claims?: number
}

export const zipOf = (entries: readonly ZipEntry[]): Buffer => {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { name, data, mode = 0o100644, encrypted = false, claims } of entries) {
    const [bytes, packed] = [Buffer.from(name), deflateRawSync(data)]
    const about = Buffer.alloc(26)
    about.writeUInt16LE(20, 0)
    about.writeUInt16LE(encrypted ? 1 : 0x800, 2)
    about.writeUInt16LE(8, 4)
    about.writeUInt32LE(crc32(data), 10)
    about.writeUInt32LE(packed.length, 14)
    about.writeUInt32LE(claims ?? data.length, 18)
    about.writeUInt16LE(bytes.length, 22)
    const local = Buffer.concat([Buffer.from('504b0304', 'hex'), about, bytes, packed])
    const tail = Buffer.alloc(14)
    tail.writeUInt32LE((mode << 16) >>> 0, 6)
    tail.writeUInt32LE(offset, 10)
    directory.push(Buffer.concat([Buffer.from('504b0102', 'hex'), Buffer.from([20, 3]), about, tail, bytes]))
    parts.push(local)
    offset += local.length
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, central, end])
}
