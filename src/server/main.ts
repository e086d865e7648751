import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { Refusal } from '../domain/refusal.js'
import { AppModule } from './app.module.js'
import { bootstrap } from './bootstrap.js'
import { makeAdapter, prepareApp } from './create-app.js'
import { requireNoOwner } from './database/least-privilege.js'
import { isMigrationPending, runMigrations } from './database/migrate.js'
import { DecisionLog } from './http/decision-log.service.js'
import { NestLog } from './http/nest-log.js'
import { loadDatabaseConfig, loadServerConfig, type ServerConfig } from './server-config.js'
import { asListenFailure, describeFailure } from './start-failure.js'

const log = new DecisionLog()

async function serve(): Promise<void> {
  const config = loadServerConfig(process.env)
  await prepareDatabase(config)
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(config), makeAdapter(config.tls), {
    logger: new NestLog(log),
    abortOnError: false,
  })
  try {
    await prepareApp(app)
    await app.listen(config.httpPort, config.httpHost)
  } catch (error) {
    await app.close().catch(() => undefined)
    throw asListenFailure(error, config.httpPort)
  }
  log.info('server.listening', { url: await app.getUrl(), instance: config.instanceId, profile: config.profile })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(app, signal))
}

/** Requests in flight are answered, then pools and clients close; a second signal ends the process at once. */
async function stop(app: NestFastifyApplication, signal: string): Promise<void> {
  log.info('server.stopping', { signal })
  try {
    await app.close()
    log.info('server.stopped')
  } catch (error) {
    log.error('server.stop-failed', error)
    process.exitCode = 1
  }
}

async function prepareDatabase(config: ServerConfig): Promise<void> {
  if (config.profile === 'laptop') {
    await runMigrations(config.databaseUrl)
    return
  }
  if (await isMigrationPending(config.databaseUrl))
    throw new Refusal('DATABASE_UNAVAILABLE', { why: 'migrations wait to be run: use the command migrate' })
  await requireNoOwner(config.databaseUrl)
}

async function migrate(): Promise<void> {
  for (const name of await runMigrations(loadDatabaseConfig(process.env).databaseUrl))
    log.info('migration.done', { name })
}

async function main(args: readonly string[]): Promise<void> {
  const [command = 'serve', ...rest] = args
  if (command === 'serve' && rest.length === 0) return serve()
  if (command === 'migrate' && rest.length === 0) return migrate()
  if (command === 'bootstrap') return bootstrap(rest, process.env)
  throw new Refusal('CONFIGURATION', {
    name: 'command',
    why: 'one of: serve, migrate, bootstrap --out FILE [--namespace NS]',
  })
}

try {
  await main(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${describeFailure(error)}\n`)
  process.exitCode = 1
}
