import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CreateBucketCommand } from '@aws-sdk/client-s3'
import { findFreePorts } from '../../src/embedded/free-port.js'
import { ManagedProcess } from '../../src/embedded/managed-process.js'
import { requireProgram } from '../../src/embedded/system-package.js'
import type { S3Config } from '../../src/server/storage/s3-config.js'
import { connectToS3 } from '../../src/server/storage/s3-connection.js'

const run = promisify(execFile)

/**
 * A real S3 server that is not ours: Ceph's RADOS gateway over the smallest cluster there is, one monitor and one object store in
 * memory, on loopback and in a folder of its own. It is ready in 2 s and takes about 150 MB.
 */
export class RadosGateway {
  private readonly processes: ManagedProcess[] = []
  private constructor(
    private readonly folder: string,
    private readonly configFile: string,
    readonly s3: S3Config,
  ) {}

  static async start(): Promise<RadosGateway> {
    const folder = await mkdtemp(join(tmpdir(), 'cs-rgw-'))
    const [gatewayPort = 0, monitorPort = 0] = await findFreePorts(2)
    const [accessKeyId, secretAccessKey] = [`access-${randomUUID()}`, `secret-${randomUUID()}`]
    const gateway = new RadosGateway(folder, join(folder, 'ceph.conf'), {
      endpoint: `http://127.0.0.1:${gatewayPort}`,
      region: 'us-east-1',
      bucket: 'firmware',
      accessKeyId,
      secretAccessKey,
      isPathStyle: true,
      downloadEndpoint: `http://127.0.0.1:${gatewayPort}`,
    })
    try {
      await gateway.bringUp(monitorPort, gatewayPort)
    } catch (error) {
      await gateway.stop()
      throw error
    }
    return gateway
  }

  /** Ends the gateway and starts it again on the same port: what S3 being down looks like. */
  async stopGateway(): Promise<void> {
    await this.processes.pop()?.stop()
  }

  async startGateway(): Promise<void> {
    const isReady = (): Promise<boolean> =>
      fetch(this.s3.endpoint).then(
        (answer) => answer.ok,
        () => false,
      )
    await this.launch('radosgw', ['-n', 'client.rgw.a'], isReady)
  }

  async stop(): Promise<void> {
    for (const each of this.processes.reverse()) await each.stop()
    await rm(this.folder, { recursive: true })
  }

  private async bringUp(monitorPort: number, gatewayPort: number): Promise<void> {
    const id = randomUUID()
    await writeFile(this.configFile, configuration(this.folder, id, monitorPort, gatewayPort), { mode: 0o600 })
    await this.makeKeys()
    const map = join(this.folder, 'monmap')
    await this.call('monmaptool', '--create', '--fsid', id, '--addv', 'a', `[v2:127.0.0.1:${monitorPort}]`, map)
    const keyring = join(this.folder, 'keyring')
    await this.call('ceph-mon', '--mkfs', '-i', 'a', '--monmap', map, '--keyring', keyring)
    await this.launch('ceph-mon', ['-i', 'a'], () => this.says('', 'status'))
    await mkdir(join(this.folder, 'osd.0'))
    await this.call('ceph', 'osd', 'new', id)
    await this.call('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', id)
    await this.launch('ceph-osd', ['-i', '0'], () => this.says('1 up', 'osd', 'stat'))
    await this.startGateway()
    const { accessKeyId, secretAccessKey, bucket } = this.s3
    const user = ['user', 'create', '--uid=countersign', '--display-name=countersign']
    await this.call('radosgw-admin', ...user, `--access-key=${accessKeyId}`, `--secret-key=${secretAccessKey}`)
    const client = connectToS3(this.s3)
    await client.send(new CreateBucketCommand({ Bucket: bucket }))
    client.destroy()
  }

  private async makeKeys(): Promise<void> {
    const keyring = join(this.folder, 'keyring')
    const monitor = ['--create-keyring', keyring, '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *']
    await run(programOf('ceph-authtool'), monitor)
    const all = ['--cap', 'mon', 'allow *', '--cap', 'osd', 'allow *']
    for (const name of ['client.admin', 'osd.0', 'client.rgw.a'])
      await run(programOf('ceph-authtool'), [keyring, '--gen-key', '-n', name, ...all])
  }

  private async launch(program: string, args: readonly string[], isReady: () => Promise<boolean>): Promise<void> {
    this.processes.push(
      await ManagedProcess.start({
        name: program,
        command: [programOf(program), '--conf', this.configFile, ...args, '-f'],
        logFile: join(this.folder, `${program}.out`),
        isReady,
        readyTimeoutMs: 120_000,
      }),
    )
  }

  private async call(program: string, ...args: readonly string[]): Promise<string> {
    const isMap = program === 'monmaptool'
    const words = isMap ? args : ['--conf', this.configFile, ...args]
    return (await run(programOf(program), words, { timeout: 60_000 })).stdout
  }

  private async says(word: string, ...args: readonly string[]): Promise<boolean> {
    return this.call('ceph', '--connect-timeout', '2', ...args).then(
      (text) => text.includes(word),
      () => false,
    )
  }
}

const packages: Readonly<Record<string, string>> = {
  radosgw: 'radosgw',
  'ceph-osd': 'ceph-osd',
  'ceph-mon': 'ceph-mon',
}
const programOf = (program: string): string => requireProgram(program, packages[program] ?? 'ceph-common')

/** The monitor would wait a second before each of some ten changes of its map, in case that others came. */
const configuration = (folder: string, id: string, monitorPort: number, gatewayPort: number): string => `[global]
fsid = ${id}
mon host = [v2:127.0.0.1:${monitorPort}/0]
ms bind msgr1 = false
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
mon allow pool size one = true
osd crush chooseleaf type = 0
osd objectstore = memstore
memstore device bytes = 1073741824
run dir = ${folder}
admin socket = ${folder}/$name.asok
log file = ${folder}/$name.log
pid file = ${folder}/$name.pid
mon data = ${folder}/mon.a
osd data = ${folder}/osd.0
keyring = ${folder}/keyring
mon cluster log file = ${folder}/cluster.log
mon data avail crit = 0
mon data avail warn = 0
paxos propose interval = 0.02
rgw frontends = beast endpoint=127.0.0.1:${gatewayPort}
rgw thread pool size = 16
`
