import type { BeforeApplicationShutdown } from '@nestjs/common'
import { Refusal } from '../../domain/refusal.js'
import type { SignerAnswers, SignerStatus, TrustCourier } from '../../protocol/signer-socket.js'
import type { NamespaceConfig } from '../namespace-config.js'
import { SignerClient } from './signer-client.js'
import {
  Signers,
  type AssignRequest,
  type CertifyRequest,
  type KrlSignRequest,
  type ReSignRequest,
  type SignerOrder,
  type SignerProcess,
  type SignRequest,
} from './signer.port.js'

/** The signers behind their UNIX sockets, two for each namespace of the configuration. */
export class SocketSigners extends Signers implements BeforeApplicationShutdown {
  private readonly clients = new Map<string, Readonly<Record<SignerProcess, SignerClient>>>()

  constructor(namespaces: readonly NamespaceConfig[]) {
    super()
    for (const { namespace, releaseSigner, onlineSigner } of namespaces)
      this.clients.set(namespace, { release: new SignerClient(releaseSigner), online: new SignerClient(onlineSigner) })
  }

  async beforeApplicationShutdown(): Promise<void> {
    const all = [...this.clients.values()].flatMap(({ release, online }) => [release, online])
    await Promise.all(all.map((client) => client.close()))
  }

  override status(namespace: string, process: SignerProcess): Promise<SignerStatus> {
    return this.client(namespace, process).request('status', {})
  }

  override async knowsImage(namespace: string, imageSha256: Uint8Array): Promise<boolean> {
    return (await this.client(namespace, 'release').request('knows-image', { imageSha256 })).known
  }

  override hashImage(namespace: string, image: AsyncIterable<Uint8Array>, sizeBytes: number): Promise<Uint8Array> {
    return this.client(namespace, 'release').hashImage(image, sizeBytes)
  }

  override async sign(namespace: string, request: SignRequest): Promise<Uint8Array> {
    return (await this.client(namespace, 'release').request('sign', request)).envelope
  }

  override async reSign(namespace: string, request: ReSignRequest): Promise<Uint8Array> {
    return (await this.client(namespace, 'release').request('re-sign', request)).envelope
  }

  override async signKrl(namespace: string, request: KrlSignRequest): Promise<Uint8Array> {
    return (await this.client(namespace, 'release').request('krl', request)).krl
  }

  override importTrust(namespace: string, trust: TrustCourier): Promise<SignerAnswers['import']> {
    return this.client(namespace, 'release').request('import', { trust })
  }

  override follow(
    namespace: string,
    process: SignerProcess,
    operation: 'resume' | 'clock-reset',
    order: SignerOrder,
  ): Promise<SignerStatus> {
    return this.client(namespace, process).request(operation, order)
  }

  override async freshness(namespace: string, nonce: Uint8Array | null): Promise<Uint8Array> {
    return (await this.client(namespace, 'online').request('freshness', { nonce })).freshness
  }

  override async assign(namespace: string, request: AssignRequest): Promise<Uint8Array> {
    return (await this.client(namespace, 'online').request('assign', request)).assignment
  }

  override async certify(namespace: string, request: CertifyRequest): Promise<Uint8Array> {
    return (await this.client(namespace, 'online').request('certify', request)).certificate
  }

  override async deviceAuthority(namespace: string): Promise<Uint8Array> {
    return (await this.client(namespace, 'online').request('device-ca', {})).certificate
  }

  private client(namespace: string, process: SignerProcess): SignerClient {
    const clients = this.clients.get(namespace)
    if (clients === undefined) throw new Refusal('NOT_FOUND', { what: 'namespace', id: namespace })
    return clients[process]
  }
}
