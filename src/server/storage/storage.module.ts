import { Global, Module } from '@nestjs/common'
import { ServerConfig } from '../server-config.js'
import { FirmwareAnswer } from './firmware-answer.service.js'
import { FirmwareStore } from './firmware-store.port.js'
import { FirmwareWriter } from './firmware-writer.service.js'
import { FolderFirmwareStore } from './folder-firmware-store.js'
import { LocalFirmware } from './local-firmware.service.js'
import { S3FirmwareStore } from './s3-firmware-store.js'

/** Where firmware is kept: a folder on one machine, or an S3-compatible store beyond it. */
@Global()
@Module({
  providers: [
    {
      provide: FirmwareStore,
      inject: [ServerConfig],
      useFactory: ({ s3, storeDir }: ServerConfig) =>
        s3 === null ? new FolderFirmwareStore(storeDir) : new S3FirmwareStore(s3),
    },
    FirmwareAnswer,
    FirmwareWriter,
    LocalFirmware,
  ],
  exports: [FirmwareStore, FirmwareAnswer, FirmwareWriter, LocalFirmware],
})
export class StorageModule {}
