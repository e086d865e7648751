import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { AppModule } from '../../src/server/app.module.js'
import { makeAdapter, prepareApp } from '../../src/server/create-app.js'
import { NestLog } from '../../src/server/http/nest-log.js'
import { DecisionLog } from '../../src/server/http/decision-log.service.js'
import type { ServerConfig } from '../../src/server/server-config.js'

class Silence extends DecisionLog {
  protected override write(): void {}
}

/** The whole server as it runs in production, without a broker and signers: an idle poll asks neither. */
process.once('message', (config: ServerConfig) => void serve(config))

async function serve(config: ServerConfig): Promise<void> {
  const log = new Silence()
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(config, { log }), makeAdapter(), {
    logger: new NestLog(log),
    abortOnError: false,
  })
  await prepareApp(app)
  await app.listen(0, '127.0.0.1')
  process.on('message', (asked) => {
    if (asked === 'heap') process.send?.(heapBytes())
  })
  process.send?.(app.getHttpAdapter().getInstance().server.address())
}

/** After a collection, where the engine was told that it may be asked for one. */
function heapBytes(): number {
  globalThis.gc?.()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
