import { open, rm } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { DataSource } from 'typeorm'
import { Refusal } from '../domain/refusal.js'
import { ApiTokenRow } from './access/api-token.row.js'
import { TokenService } from './access/token.service.js'
import { AuditEntryRow } from './audit/audit-entry.row.js'
import { AuditService } from './audit/audit.service.js'
import { SystemClock } from './clock/system-clock.js'
import { servingOptions } from './database/connection-options.js'
import { runMigrations } from './database/migrate.js'
import { errorCodeOf } from './error-code.js'
import { EventStore } from './events/event-store.service.js'
import type { NamespaceConfig } from './namespace-config.js'
import { loadBootstrapConfig } from './server-config.js'

/** Long enough to make named tokens for people; then it is revoked, or ends by itself. */
const LIFE_SECONDS = 30 * 86_400

/**
 * `bootstrap --out FILE [--namespace NS]`: the first security officer's token of a namespace, written to a 0600 file.
 * Works once a namespace: whoever comes later asks somebody who holds a token.
 */
export async function bootstrap(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const { out, namespace: wanted } = readOptions(args)
  const config = loadBootstrapConfig(env)
  const namespace = chooseNamespace(config.namespaces, wanted)
  await runMigrations(config.databaseUrl)
  const database = new DataSource({ ...servingOptions(config.databaseUrl), entities: [ApiTokenRow, AuditEntryRow] })
  await database.initialize()
  try {
    const clock = new SystemClock()
    const tokens = new TokenService(database, new AuditService(database, new EventStore(database, clock), clock), clock)
    // Written before the commit: a token that is in the database and in nobody's hands would lock everybody out.
    await tokens.bootstrap(namespace, clock.nowSeconds() + LIFE_SECONDS, (token) => writeSecret(out, `${token}\n`))
  } finally {
    await database.destroy()
  }
  process.stdout.write(`security officer's token of ${namespace} is in ${out}\n`)
}

function readOptions(args: readonly string[]): { out: string; namespace: string | undefined } {
  try {
    const options = { out: { type: 'string' }, namespace: { type: 'string' } } as const
    const { out, namespace } = parseArgs({ args: [...args], options }).values
    if (out !== undefined) return { out, namespace }
  } catch (error) {
    throw new Refusal('CONFIGURATION', { name: 'bootstrap', why: 'unknown option' }, { cause: error })
  }
  throw new Refusal('CONFIGURATION', { name: '--out', why: 'missing' })
}

function chooseNamespace(namespaces: readonly NamespaceConfig[], wanted: string | undefined): string {
  const names = namespaces.map((each) => each.namespace)
  const [only] = names
  if (wanted === undefined && names.length === 1 && only !== undefined) return only
  if (wanted !== undefined && names.includes(wanted)) return wanted
  throw new Refusal('CONFIGURATION', { name: '--namespace', why: `one of: ${names.join(', ')}` })
}

/** Never over an existing file: it might be somebody's token. */
async function writeSecret(path: string, text: string): Promise<void> {
  try {
    const file = await open(path, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } catch (error) {
      await rm(path, { force: true })
      throw error
    } finally {
      await file.close()
    }
  } catch (error) {
    const why = errorCodeOf(error) || 'not written'
    throw new Refusal('FILE_UNREADABLE', { path, why }, { cause: error })
  }
}
