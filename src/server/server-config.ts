import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { utf8 } from '../domain/bytes.js'
import { Refusal } from '../domain/refusal.js'
import { readNamespaces, type NamespaceConfig } from './namespace-config.js'
import { S3Env, readS3Config } from './s3-env.js'
import type { S3Config } from './storage/s3-config.js'
import { isNetwork } from './trusted-proxies.js'

export const UPLOAD_STALL_SECONDS = 60

const LEAST_KEY_BYTES = 32
const path = z.string().min(1)
const networks = z
  .string()
  .default('')
  .transform((text) => text.split(',').flatMap((each) => each.trim() || []))
  .refine((all) => all.every(isNetwork), 'not addresses or networks such as 10.0.0.0/8, with commas between them')
const Env = z.object({
  DATABASE_URL_FILE: path,
  HTTP_HOST: z.string().default('127.0.0.1'),
  HTTP_PORT: z.coerce.number().int().min(0).max(65_535),
  /** Both or none; with them the server speaks TLS itself and knows devices by their certificates. */
  HTTP_TLS_CERTIFICATE_FILE: path.optional(),
  HTTP_TLS_KEY_FILE: path.optional(),
  PUBLIC_URL: z.url({ protocol: /^https?$/ }),
  /** Needed where no S3_BUCKET is named. */
  STORE_DIR: z.string().default(''),
  NAMESPACES_FILE: path,
  MQTT_URL: z.url({ protocol: /^mqtts?$/ }),
  MQTT_USERNAME: z.string().min(1),
  MQTT_PASSWORD_FILE: path,
  MQTT_DEVICE_URL: z.url({ protocol: /^mqtts?$/ }),
  MQTT_DEVICE_TLS_URL: z.url({ protocol: /^mqtts$/ }).optional(),
  BROKER_PASSWORD_FILE: path,
  BROKER_PID_FILE: path,
  BROKER_CERTIFICATE_RULES_FILE: path.optional(),
  WEBHOOK_SECRET_FILE: path.optional(),
  INSTANCE_ID: z.string().regex(/^[a-z0-9-]{1,32}$/),
  PROFILE: z.enum(['laptop', 'production']),
  TRUSTED_PROXIES: networks,
  /** After so many days what became of each device in an ended rollout is cleared away; without it never. */
  ROLLOUT_KEEP_DAYS: z.coerce.number().int().min(1).max(36_500).optional(),
  ROLLOUT_TICK_MS: z.coerce.number().int().min(50).max(60_000).default(1_000),
  MAX_UPLOAD_BYTES: z.coerce
    .number()
    .int()
    .min(1)
    // What S3 puts together from parts of 8 MiB.
    .max(64 * 1024 * 1024 * 1024)
    .default(256 * 1024 * 1024),
  /** After so long an upload that was begun and not finished is swept away. */
  UPLOAD_LIFE_SECONDS: z.coerce.number().int().min(60).default(86_400),
  /** After so long without a byte the sender of an upload counts as gone. */
  UPLOAD_STALL_SECONDS: z.coerce.number().int().min(1).max(3_600).default(UPLOAD_STALL_SECONDS),
  /** Where a trusted proxy finds the store's folder `firmware`, by an internal location; without it the server sends firmware itself. */
  ACCEL_PREFIX: z
    .string()
    .regex(/^\/[a-z0-9-]{1,64}$/, 'not a path of one part, such as /firmware-store')
    .optional(),
  POLLS_AT_ONCE: z.coerce.number().int().min(1).max(100_000).default(1_000),
  ...S3Env.shape,
})
/** `migrate` and `bootstrap` need no more than the database and the namespaces. */
const DatabaseEnv = Env.pick({ DATABASE_URL_FILE: true, PROFILE: true })
const BootstrapEnv = Env.pick({ DATABASE_URL_FILE: true, NAMESPACES_FILE: true })
type Environment = Readonly<Record<string, string | undefined>>

/** What one server process was started with; read once, handed to whoever needs it. Also the Nest token. */
export abstract class ServerConfig {
  abstract readonly databaseUrl: string
  abstract readonly httpHost: string
  abstract readonly httpPort: number
  /** How people and devices reach the server. */
  abstract readonly publicUrl: string
  /** A folder for firmware; not used when `s3` names a store. */
  abstract readonly storeDir: string
  abstract readonly s3: S3Config | null
  abstract readonly namespaces: readonly NamespaceConfig[]
  abstract readonly mqtt: {
    readonly url: string
    readonly username: string
    readonly passwordFile: string
    /** What devices are told. */
    readonly deviceUrl: string
    /** Of the listener that knows devices by their certificates. */
    readonly deviceTlsUrl?: string
  }
  abstract readonly broker: {
    readonly passwordFile: string
    readonly pidFile: string
    /** `acl_file` of the listener for certificates. */
    readonly certificateRulesFile?: string
  }
  /** Certificate and key of the server itself, PEM; not there behind a proxy that speaks TLS. */
  abstract readonly tls?: { readonly cert: Buffer; readonly key: Buffer }
  /** From which the secrets of webhooks are derived, at least 32 bytes; null where there are none. */
  abstract readonly webhookKey: Uint8Array | null
  abstract readonly instanceId: string
  /** Addresses and networks whose word about a client is taken: scheme, host, certificate. */
  abstract readonly trustedProxies: readonly string[]
  abstract readonly profile: 'laptop' | 'production'
  abstract readonly rolloutTickMs: number
  /** Of ended rollouts; not there: for ever. */
  abstract readonly rolloutKeepDays?: number
  abstract readonly maxUploadBytes: number
  abstract readonly uploadLifeSeconds: number
  /** Default: `UPLOAD_STALL_SECONDS`. */
  abstract readonly uploadStallSeconds?: number
  /** Where a trusted proxy finds firmware (`X-Accel-Redirect`). */
  abstract readonly accelPrefix?: string
  /** Polls that are worked on at once; the others are told when to come back. */
  abstract readonly pollsAtOnce?: number
}

/** @throws Refusal `CONFIGURATION` naming the variable and the rule, never its value: values may be secrets. */
export function loadServerConfig(env: Environment): ServerConfig {
  const values = parse(Env, env)
  const s3 = readS3Config(values, readSecret)
  if (s3 === null && values.STORE_DIR === '') throw new Refusal('CONFIGURATION', { name: 'STORE_DIR', why: 'missing' })
  return Object.freeze({
    s3,
    databaseUrl: readSecret('DATABASE_URL_FILE', values.DATABASE_URL_FILE),
    httpHost: values.HTTP_HOST,
    httpPort: values.HTTP_PORT,
    publicUrl: values.PUBLIC_URL.replace(/\/$/, ''),
    storeDir: values.STORE_DIR,
    namespaces: readNamespaces(values.NAMESPACES_FILE),
    mqtt: {
      url: values.MQTT_URL,
      username: values.MQTT_USERNAME,
      passwordFile: values.MQTT_PASSWORD_FILE,
      deviceUrl: values.MQTT_DEVICE_URL,
      ...(values.MQTT_DEVICE_TLS_URL === undefined ? {} : { deviceTlsUrl: values.MQTT_DEVICE_TLS_URL }),
    },
    broker: {
      passwordFile: values.BROKER_PASSWORD_FILE,
      pidFile: values.BROKER_PID_FILE,
      ...(values.BROKER_CERTIFICATE_RULES_FILE === undefined
        ? {}
        : { certificateRulesFile: values.BROKER_CERTIFICATE_RULES_FILE }),
    },
    ...readTls(values.HTTP_TLS_CERTIFICATE_FILE, values.HTTP_TLS_KEY_FILE),
    webhookKey:
      values.WEBHOOK_SECRET_FILE === undefined ? null : readKey('WEBHOOK_SECRET_FILE', values.WEBHOOK_SECRET_FILE),
    instanceId: values.INSTANCE_ID,
    trustedProxies: values.TRUSTED_PROXIES,
    profile: values.PROFILE,
    rolloutTickMs: values.ROLLOUT_TICK_MS,
    ...(values.ROLLOUT_KEEP_DAYS === undefined ? {} : { rolloutKeepDays: values.ROLLOUT_KEEP_DAYS }),
    maxUploadBytes: values.MAX_UPLOAD_BYTES,
    uploadLifeSeconds: values.UPLOAD_LIFE_SECONDS,
    uploadStallSeconds: values.UPLOAD_STALL_SECONDS,
    pollsAtOnce: values.POLLS_AT_ONCE,
    ...(values.ACCEL_PREFIX === undefined ? {} : { accelPrefix: values.ACCEL_PREFIX }),
  })
}

export function loadDatabaseConfig(env: Environment): { databaseUrl: string; profile: 'laptop' | 'production' } {
  const values = parse(DatabaseEnv, env)
  return { databaseUrl: readSecret('DATABASE_URL_FILE', values.DATABASE_URL_FILE), profile: values.PROFILE }
}

export function loadBootstrapConfig(env: Environment): {
  databaseUrl: string
  namespaces: readonly NamespaceConfig[]
} {
  const values = parse(BootstrapEnv, env)
  return {
    databaseUrl: readSecret('DATABASE_URL_FILE', values.DATABASE_URL_FILE),
    namespaces: readNamespaces(values.NAMESPACES_FILE),
  }
}

function parse<T extends z.ZodType>(schema: T, env: Environment): z.infer<T> {
  const parsed = schema.safeParse(env)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Refusal('CONFIGURATION', { name: issue?.path.join('.') ?? '', why: issue?.message ?? 'not understood' })
}

function readTls(certificate: string | undefined, key: string | undefined): Pick<ServerConfig, 'tls'> {
  if (certificate === undefined && key === undefined) return {}
  if (certificate === undefined || key === undefined)
    throw new Refusal('CONFIGURATION', { name: 'HTTP_TLS_KEY_FILE', why: 'goes with HTTP_TLS_CERTIFICATE_FILE' })
  const [cert, secret] = [readSecret('HTTP_TLS_CERTIFICATE_FILE', certificate), readSecret('HTTP_TLS_KEY_FILE', key)]
  return { tls: { cert: Buffer.from(cert), key: Buffer.from(secret) } }
}

function readSecret(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new Refusal('CONFIGURATION', { name, why: 'its file cannot be read' }, { cause: error })
  }
}

function readKey(name: string, file: string): Uint8Array {
  const key = utf8(readSecret(name, file))
  if (key.length < LEAST_KEY_BYTES)
    throw new Refusal('CONFIGURATION', { name, why: `its file holds fewer than ${LEAST_KEY_BYTES} characters` })
  return key
}
