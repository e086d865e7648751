import { type DynamicModule, Module } from '@nestjs/common'
import { ServerConfig } from '../server-config.js'
import { Signers } from './signer.port.js'
import { SocketSigners } from './socket-signers.js'

/** The way to the signing processes. The server holds no key that signs a document of ours (I-1). */
@Module({})
export class SigningModule {
  static with(signers?: Signers): DynamicModule {
    const real = {
      provide: Signers,
      inject: [ServerConfig],
      useFactory: (config: ServerConfig) => new SocketSigners(config.namespaces),
    }
    const provider = signers === undefined ? real : { provide: Signers, useValue: signers }
    return { module: SigningModule, global: true, providers: [provider], exports: [Signers] }
  }
}
