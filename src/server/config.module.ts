import { type DynamicModule, Module } from '@nestjs/common'
import { ServerConfig } from './server-config.js'

/** Makes the configuration, read before Nest starts, known to every module. */
@Module({})
export class ConfigModule {
  static with(config: ServerConfig): DynamicModule {
    return {
      module: ConfigModule,
      global: true,
      providers: [{ provide: ServerConfig, useValue: config }],
      exports: [ServerConfig],
    }
  }
}
