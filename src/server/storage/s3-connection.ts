import { S3Client } from '@aws-sdk/client-s3'
import { Refusal } from '../../domain/refusal.js'
import type { S3Config } from './s3-config.js'

const CONNECT_TIMEOUT_MS = 5_000
/** No byte for so long, and the store counts as gone. */
const REQUEST_TIMEOUT_MS = 60_000

/**
 * A client of one S3-compatible store. Checksums of AWS's own kind are sent only where a call needs them: older servers do not
 * know them. What every server compares is the SHA-256 of the body, which is part of the signature (SigV4).
 */
export const connectToS3 = (config: S3Config, endpoint = config.endpoint): S3Client =>
  new S3Client({
    endpoint,
    region: config.region,
    credentials: { accessKeyId: config.accessKeyId, secretAccessKey: config.secretAccessKey },
    forcePathStyle: config.isPathStyle,
    maxAttempts: 3,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: CONNECT_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
  })

interface Said {
  readonly name: string
  readonly status: number
}

/** What the store said, in its own word; '' for what is no answer of a store. */
function saidBy(error: unknown): Said {
  if (typeof error !== 'object' || error === null) return { name: '', status: 0 }
  const { name, $metadata } = error as { name?: unknown; $metadata?: { httpStatusCode?: number } }
  return { name: typeof name === 'string' ? name : '', status: $metadata?.httpStatusCode ?? 0 }
}

export const isMissing = (error: unknown): boolean =>
  ['NoSuchKey', 'NotFound'].includes(saidBy(error).name) && saidBy(error).status === 404

/** Runs one call. @throws Refusal `STORE_FULL`, `STORE_UNAVAILABLE`; what the store said is its cause, for the log alone. */
export async function atS3<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    if (error instanceof Refusal || isMissing(error)) throw error
    const { name, status } = saidBy(error)
    if (status === 507 || name === 'QuotaExceeded' || name === 'XMinioStorageFull')
      throw new Refusal('STORE_FULL', {}, { cause: error })
    const why = status === 0 ? 'the object store does not answer' : `the object store refused: ${name.slice(0, 64)}`
    throw new Refusal('STORE_UNAVAILABLE', { why }, { cause: error })
  }
}
