/**
 * Where a backup lies, by what people write: a folder, a bucket (`s3://…`), or the path of one backup's manifest, as `backup create` prints it.
 */
import { backupName, openBackupFolder, type BackupFolder } from '../../snapshots/files.ts'
import { openBackupBucket } from '../../snapshots/bucket.ts'

export type Place = {
  readonly folder: BackupFolder
  /** As people name it. */
  readonly name: string
  /** The backup whose manifest was named. */
  readonly backup?: string
}

/** @param env where the client of S3 is told of another endpoint than Amazon's. @throws BucketFailure */
export const openPlace = async (place: string, env: Readonly<Record<string, string | undefined>>): Promise<Place> => {
  const [, above, backup] = /^(.*)\/backups\/([^/]+)\.json$/.exec(place) ?? []
  const name = above !== undefined && backup !== undefined && backupName.test(backup) ? above : place
  const folder = isBucket(name)
    ? await openBackupBucket(name, env['AWS_ENDPOINT_URL_S3'] ?? env['AWS_ENDPOINT_URL'])
    : openBackupFolder(name)
  return { folder, name, ...(name === place ? {} : { backup: backup! }) }
}

export const isBucket = (place: string): boolean => place.startsWith('s3://')
