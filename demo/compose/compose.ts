import { toHex } from '../../src/domain/bytes.js'
import { Refusal } from '../../src/domain/refusal.js'
import { runCommand } from '../person.js'
import { classIdNamed, product, vendorId } from '../product.js'
import { programs } from '../programs.js'

export interface ComposeOptions {
  /** Names containers, volumes and networks. */
  readonly project: string
  /** Before the slash of the images' names. */
  readonly images: string
  /** Secrets and trust: see `ComposeFolder`. */
  readonly folder: string
  readonly port: number
  readonly mqttPort: number
  /** For devices with certificates. */
  readonly mqttTlsPort: number
  readonly devices: number
}

/** Docker Compose for this clone's docker-compose.yml, whichever of the two commands the machine has. */
export class Compose {
  readonly url: string

  private constructor(
    readonly command: readonly string[],
    readonly options: ComposeOptions,
  ) {
    this.url = `http://127.0.0.1:${options.port}`
  }

  /**
   * @param wanted one of the two commands; default: the first that is there. @throws Refusal `PACKAGE_MISSING`.
   */
  static async find(options: ComposeOptions, wanted?: string): Promise<Compose> {
    const known = [['docker', 'compose'], ['docker-compose']]
    for (const command of known.filter((each) => wanted === undefined || each.join(' ') === wanted)) {
      const { code } = await runCommand([...command, 'version'], process.env).catch(() => ({ code: 1 }))
      if (code === 0) return new Compose(command, options)
    }
    throw new Refusal('PACKAGE_MISSING', {
      name: wanted ?? 'docker compose',
      fix: 'install Docker and its compose plugin, or docker-compose',
    })
  }

  /** @returns what it printed, both streams. @throws Error with its last lines. */
  async run(...args: readonly string[]): Promise<string> {
    const { code, output } = await this.try(...args)
    if (code === 0) return output
    const tail = output.trim().split('\n').slice(-8).join('\n')
    throw new Error(`${this.command.join(' ')} ${args.slice(0, 4).join(' ')}: ${tail}`)
  }

  /** The same for what may fail. */
  try(...args: readonly string[]): Promise<{ code: number; output: string }> {
    const { project } = this.options
    const file = `${programs.project}/docker-compose.yml`
    return runCommand([...this.command, '-p', project, '-f', file, ...args], this.environment())
  }

  /** @returns the id of a service's container. */
  async containerOf(service: string): Promise<string> {
    const [id = ''] = (await this.run('ps', '-q', service)).trim().split('\n').slice(-1)
    if (!/^[0-9a-f]{12,}$/.test(id)) throw new Error(`no container of ${service}`)
    return id
  }

  private environment(): Record<string, string | undefined> {
    const { folder, port, mqttPort, mqttTlsPort, devices, images } = this.options
    return {
      ...process.env,
      COUNTERSIGN_DIR: folder,
      COUNTERSIGN_IMAGES: images,
      COUNTERSIGN_PORT: String(port),
      COUNTERSIGN_MQTT_PORT: String(mqttPort),
      COUNTERSIGN_MQTT_TLS_PORT: String(mqttTlsPort),
      COUNTERSIGN_URL: this.url,
      COUNTERSIGN_NAMESPACE: product.namespace,
      COUNTERSIGN_CLASS_ID: toHex(classIdNamed('gateway-b')),
      COUNTERSIGN_VENDOR_ID: toHex(vendorId),
      COUNTERSIGN_DEVICES: String(devices),
      // The older command says on every call that it is older.
      COMPOSE_IGNORE_ORPHANS: '1',
    }
  }
}
