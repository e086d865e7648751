import { Global, Module } from '@nestjs/common'
import { ServerConfig } from '../server-config.js'
import { FirmwareAnswer } from './firmware-answer.service.js'
import { FirmwareStore } from './firmware-store.port.js'
import { FolderFirmwareStore } from './folder-firmware-store.js'

/** Where firmware is kept: a folder on one machine. */
@Global()
@Module({
  providers: [
    {
      provide: FirmwareStore,
      inject: [ServerConfig],
      useFactory: ({ storeDir, maxUploadBytes, instanceId }: ServerConfig) =>
        new FolderFirmwareStore(storeDir, maxUploadBytes, instanceId),
    },
    FirmwareAnswer,
  ],
  exports: [FirmwareStore, FirmwareAnswer],
})
export class StorageModule {}
