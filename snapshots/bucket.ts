/**
 * Where backups lie in an object store that speaks S3: the same names as in a folder (`files.ts`), below a prefix of a bucket.
 *
 * A PUT is there whole or not at all, and later reads see it (S3's consistency since December 2020), so chunks come before the manifest
 * that names them, as in a folder. The official client is an optional package: it is loaded when an `s3://` address is asked for. It takes
 * credentials, region and endpoint from where its users keep them (`AWS_…` variables, profiles).
 */
import type * as S3 from '@aws-sdk/client-s3'
import { backupName, type BackupFolder } from './files.ts'
import { MANIFEST_BYTES_MAX, STORED_BYTES_MAX } from './manifest.ts'

/** `connect_ms`, `answer_ms`: a store that says nothing for so long is gone. `tries`: of each request, with the client's growing waits. */
const LIMITS = { connect_ms: 10_000, answer_ms: 60_000, tries: 4, pages: 100_000 } as const
const PACKAGE = '@aws-sdk/client-s3'

/** What an object store answers instead of doing what was asked; its message names cause and mend. */
export class BucketFailure extends Error {}

/** `s3://bucket/prefix`. @returns null for everything else */
export const parseBucket = (place: string): { readonly bucket: string; readonly prefix: string } | null => {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(place)
  if (match === null) return null
  const prefix = (match[2] ?? '').replace(/\/+$/, '')
  return { bucket: match[1]!, prefix: prefix === '' ? '' : `${prefix}/` }
}

/**
 * @param endpoint whether the store is another than Amazon's: then buckets are parts of the path, as such stores expect
 * @throws BucketFailure when the address is none, or the client is not installed
 */
export const openBackupBucket = async (place: string, endpoint: string | undefined): Promise<BackupFolder> => {
  const at = parseBucket(place)
  if (at === null) throw new BucketFailure(`${place} is no address of a bucket: s3://BUCKET/PREFIX`)
  const s3 = await import('@aws-sdk/client-s3').catch(() => {
    throw new BucketFailure(`for ${place} the client of S3 is needed: npm install ${PACKAGE}`)
  })
  const client = new s3.S3Client({
    maxAttempts: LIMITS.tries,
    // Older stores know no other checksum than that of the signature.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: LIMITS.connect_ms, requestTimeout: LIMITS.answer_ms },
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
  })
  return folderOf(s3, client, at)
}

const folderOf = (
  s3: typeof S3,
  client: S3.S3Client,
  { bucket, prefix }: { readonly bucket: string; readonly prefix: string },
): BackupFolder => {
  const place = `s3://${bucket}/${prefix}`
  const manifestAt = (name: string): string => `${prefix}backups/${name}.json`
  const chunkAt = (hash: string): string => `${prefix}chunks/${hash.slice(0, 2)}/${hash}`
  const asked = <T>(answer: Promise<T>): Promise<T> => answer.catch((error: unknown) => failed(error, place))

  const list = async (below: string): Promise<{ readonly key: string; readonly bytes: number }[]> => {
    const found: { key: string; bytes: number }[] = []
    let token: string | undefined
    for (let page = 0; page < LIMITS.pages; page++) {
      const answer = await asked(
        client.send(
          new s3.ListObjectsV2Command({
            Bucket: bucket,
            Prefix: `${prefix}${below}`,
            ...(token === undefined ? {} : { ContinuationToken: token }),
          }),
        ),
      )
      for (const { Key: key, Size: bytes } of answer.Contents ?? [])
        if (key !== undefined) found.push({ key, bytes: bytes ?? 0 })
      token = answer.IsTruncated === true ? answer.NextContinuationToken : undefined
      if (token === undefined) return found
    }
    throw new BucketFailure(`${place} lists more objects than ${LIMITS.pages} pages hold: take a prefix of its own`)
  }
  const read = async (key: string, bytesMax: number): Promise<Uint8Array | null> => {
    const answer = await missingIsNull(client.send(new s3.GetObjectCommand({ Bucket: bucket, Key: key })), place)
    if (answer?.Body === undefined) return null
    if ((answer.ContentLength ?? Number.POSITIVE_INFINITY) > bytesMax)
      throw new BucketFailure(`${place}: ${key} is larger than ${bytesMax} bytes: it was not written by a backup`)
    return asked(answer.Body.transformToByteArray())
  }
  const write = async (key: string, bytes: Uint8Array): Promise<void> => {
    await asked(client.send(new s3.PutObjectCommand({ Bucket: bucket, Key: key, Body: bytes })))
  }
  const remove = async (key: string): Promise<void> => {
    await asked(client.send(new s3.DeleteObjectCommand({ Bucket: bucket, Key: key })))
  }
  return {
    names: async () =>
      (await list('backups/'))
        .map(({ key }) => key.slice(`${prefix}backups/`.length))
        .filter((name) => name.endsWith('.json'))
        .map((name) => name.slice(0, -'.json'.length))
        .filter((name) => backupName.test(name))
        .sort(),
    readManifest: (name) => read(manifestAt(name), MANIFEST_BYTES_MAX),
    writeManifest: (name, bytes) => write(manifestAt(name), bytes),
    removeManifest: (name) => remove(manifestAt(name)),
    manifestPath: (name) => `s3://${bucket}/${manifestAt(name)}`,
    hasChunk: async (hash) =>
      (await missingIsNull(client.send(new s3.HeadObjectCommand({ Bucket: bucket, Key: chunkAt(hash) })), place)) !==
      null,
    readChunk: (hash) => read(chunkAt(hash), STORED_BYTES_MAX),
    writeChunk: (hash, bytes) => write(chunkAt(hash), bytes),
    keepChunks: async (named) => {
      let freed = 0
      for (const { key, bytes } of await list('chunks/')) {
        if (named.has(key.slice(key.lastIndexOf('/') + 1))) continue
        await remove(key)
        freed += bytes
      }
      return freed
    },
  }
}

const MISSING: ReadonlySet<string> = new Set(['NoSuchKey', 'NotFound'])

const missingIsNull = <T>(answer: Promise<T>, place: string): Promise<T | null> =>
  answer.catch((error: unknown) => (MISSING.has(nameOf(error)) ? null : failed(error, place)))

const nameOf = (error: unknown): string => (error instanceof Error ? error.name : '')

const MENDS: Readonly<Record<string, string>> = {
  NoSuchBucket: 'there is no such bucket: make it first',
  CredentialsProviderError: 'no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile',
}
const DENIED = 'access is denied: check the credentials and their rights'

/** An answer without a body has no name, so denials are told by their status. */
const failed = (error: unknown, place: string): never => {
  const why = error instanceof Error ? error.message : String(error)
  if (/region is missing/i.test(why)) throw new BucketFailure(`${place}: no region: set AWS_REGION`)
  const { httpStatusCode: status } = (error as { $metadata?: { httpStatusCode?: number } }).$metadata ?? {}
  throw new BucketFailure(`${place}: ${MENDS[nameOf(error)] ?? (status === 403 ? DENIED : why)}`)
}
