import 'reflect-metadata'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { NestFactory } from '@nestjs/core'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { DataSource } from 'typeorm'
import { TokenService } from '../../src/server/access/token.service.js'
import type { ApiRole } from '../../src/server/access/roles.decorator.js'
import { AppModule, type OutsideWorld } from '../../src/server/app.module.js'
import { makeAdapter, prepareApp } from '../../src/server/create-app.js'
import { NestLog } from '../../src/server/http/nest-log.js'
import { DecisionLog } from '../../src/server/http/decision-log.service.js'
import { NearInspector } from './firmware/near-inspector.js'
import type { NamespaceConfig } from '../../src/server/namespace-config.js'
import type { ServerConfig } from '../../src/server/server-config.js'

const TEST_NAMESPACE = 'gateway/test'

export interface ServerOptions {
  readonly databaseUrl: string
  readonly namespaces?: readonly NamespaceConfig[]
  readonly maxUploadBytes?: number
  /** Stand-ins for signers, broker and clock; what is not named is the real part. */
  readonly world?: OutsideWorld
  readonly config?: Partial<ServerConfig>
}

/** The whole server without a port: requests by `inject`, everything else real unless it is named. */
export class ServerUnderTest {
  private constructor(
    readonly app: NestFastifyApplication,
    readonly config: ServerConfig,
    private readonly folder: string,
  ) {}

  static async start(options: ServerOptions): Promise<ServerUnderTest> {
    const folder = await mkdtemp(join(tmpdir(), 'cs-server-'))
    const config: ServerConfig = {
      databaseUrl: options.databaseUrl,
      httpHost: '127.0.0.1',
      httpPort: 0,
      publicUrl: 'http://127.0.0.1',
      storeDir: join(folder, 'store'),
      namespaces: options.namespaces ?? [],
      mqtt: {
        url: 'mqtt://127.0.0.1:9',
        username: 'server',
        passwordFile: '/dev/null',
        deviceUrl: 'mqtt://127.0.0.1:9',
      },
      broker: { passwordFile: '', pidFile: '' },
      webhookKey: new Uint8Array(32).fill(7),
      instanceId: 'test',
      trustedProxies: [],
      profile: 'laptop',
      rolloutTickMs: 100,
      maxUploadBytes: options.maxUploadBytes ?? 1_048_576,
      uploadLifeSeconds: 3_600,
      s3: null,
      ...options.config,
    }
    const app = await NestFactory.create<NestFastifyApplication>(
      AppModule.with(config, { log: new SilentLog(), inspector: new NearInspector(), ...options.world }),
      makeAdapter(config.tls),
      {
        logger: new NestLog(new SilentLog()),
        abortOnError: false,
      },
    )
    await prepareApp(app)
    return new ServerUnderTest(app, config, folder)
  }

  get database(): DataSource {
    return this.app.get(DataSource)
  }

  /** A token of these roles, made as bootstrap makes the first one. */
  async token(
    roles: readonly ApiRole[],
    person: string | null = null,
    namespace = TEST_NAMESPACE,
    now = Math.floor(Date.now() / 1_000),
  ): Promise<string> {
    const caller = { tokenId: randomUUID(), namespace, roles: [], person: null, label: 'test' }
    const request = {
      namespace,
      label: roles.join(' '),
      roles,
      person,
      expires: now + 30 * 86_400,
    }
    return (await this.app.get(TokenService).create(request, caller)).token
  }

  async stop(): Promise<void> {
    await this.app.close()
    await rm(this.folder, { recursive: true })
  }
}

/** Says nothing; what a test wants to see of the log it asks for by its own stand-in. */
class SilentLog extends DecisionLog {
  protected override write(): void {}
}
