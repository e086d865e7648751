import { z } from 'zod'
import { Refusal } from '../domain/refusal.js'
import type { S3Config } from './storage/s3-config.js'

const address = z.url({ protocol: /^https?$/ })

/** An S3-compatible store instead of a folder. Without S3_BUCKET none of these is read. */
export const S3Env = z.object({
  S3_BUCKET: z
    .string()
    .regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, 'not the name of a bucket')
    .optional(),
  S3_ENDPOINT: address.optional(),
  S3_REGION: z.string().min(1).default('us-east-1'),
  S3_ACCESS_KEY_FILE: z.string().min(1).optional(),
  S3_SECRET_KEY_FILE: z.string().min(1).optional(),
  /** `path` for most servers of one's own, `host` for AWS. */
  S3_ADDRESSING: z.enum(['path', 'host']).default('path'),
  /** Where devices reach the store; without it they get their bytes from the server. */
  S3_DOWNLOAD_ENDPOINT: address.optional(),
})

/** @throws Refusal `CONFIGURATION` naming the variable. */
export function readS3Config(
  values: z.infer<typeof S3Env> & { readonly PROFILE: string },
  readSecret: (name: string, file: string) => string,
): S3Config | null {
  if (values.S3_BUCKET === undefined) return null
  const endpoint = required('S3_ENDPOINT', values.S3_ENDPOINT)
  if (values.PROFILE === 'production' && !endpoint.startsWith('https:'))
    throw new Refusal('CONFIGURATION', { name: 'S3_ENDPOINT', why: 'not https, which production needs' })
  return {
    endpoint,
    bucket: values.S3_BUCKET,
    region: values.S3_REGION,
    accessKeyId: readSecret('S3_ACCESS_KEY_FILE', required('S3_ACCESS_KEY_FILE', values.S3_ACCESS_KEY_FILE)),
    secretAccessKey: readSecret('S3_SECRET_KEY_FILE', required('S3_SECRET_KEY_FILE', values.S3_SECRET_KEY_FILE)),
    isPathStyle: values.S3_ADDRESSING === 'path',
    downloadEndpoint: values.S3_DOWNLOAD_ENDPOINT ?? null,
  }
}

function required(name: string, value: string | undefined): string {
  if (value !== undefined) return value
  throw new Refusal('CONFIGURATION', { name, why: 'missing, as S3_BUCKET is named' })
}
