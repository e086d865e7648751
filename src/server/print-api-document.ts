import 'reflect-metadata'
import { NestFactory } from '@nestjs/core'
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { AppModule } from './app.module.js'
import { makeAdapter } from './create-app.js'
import { makeApiDocument } from './http/api-document.js'

/** The OpenAPI document as it is checked in. The application is put together and never started. */
export async function printApiDocument(databaseUrl: string, storeDir: string): Promise<string> {
  const nowhere = 'mqtt://127.0.0.1:9'
  const config = {
    databaseUrl,
    storeDir,
    httpHost: '127.0.0.1',
    httpPort: 0,
    publicUrl: 'http://127.0.0.1',
    namespaces: [],
    mqtt: {
      url: nowhere,
      username: 'server',
      passwordFile: '',
      deviceUrl: nowhere,
    },
    broker: {
      passwordFile: '',
      pidFile: '',
    },
    webhookKey: null,
    instanceId: 'print',
    trustedProxies: [],
    profile: 'laptop' as const,
    rolloutTickMs: 1e3,
    maxUploadBytes: 1,
    uploadLifeSeconds: 1,
    s3: null,
  }
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.with(config), makeAdapter(), {
    logger: false,
    abortOnError: false,
  })
  try {
    return `${JSON.stringify(makeApiDocument(app), null, 2)}\n`
  } finally {
    await app.close()
  }
}
