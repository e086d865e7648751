import { Global, Module } from '@nestjs/common'
import { TypeOrmModule } from '@nestjs/typeorm'
import { ServerConfig } from '../server-config.js'
import { servingOptions } from './connection-options.js'
import { DeviceFeed } from './device-feed.service.js'
import { PreparedQueries } from './prepared-queries.service.js'

/** The one connection pool. Modules bring their rows by `TypeOrmModule.forFeature`, or ask the `DataSource` in SQL. */
@Global()
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      inject: [ServerConfig],
      // A database that is down is told at once: our start-up line says so, and the supervisor decides about a restart.
      useFactory: (config: ServerConfig) => ({
        ...servingOptions(config.databaseUrl),
        autoLoadEntities: true,
        retryAttempts: 0,
        verboseRetryLog: false,
      }),
    }),
  ],
  providers: [DeviceFeed, PreparedQueries],
  exports: [DeviceFeed, PreparedQueries],
})
export class DatabaseModule {}
