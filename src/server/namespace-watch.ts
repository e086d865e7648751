import type { BeforeApplicationShutdown, OnApplicationBootstrap } from '@nestjs/common'

/** Looks at every namespace from the start on, again and again. Looks do not overlap, and shutting down waits for them. */
export abstract class NamespaceWatch implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private timer: NodeJS.Timeout | undefined
  private looking: Promise<void> = Promise.resolve()

  protected constructor(
    private readonly namespaces: readonly { readonly namespace: string }[],
    private readonly everyMs: number,
    private readonly onFailure: (error: unknown, namespace: string) => void,
  ) {}

  onApplicationBootstrap(): void {
    void this.look(true)
    this.timer = setInterval(() => void this.look(), this.everyMs)
    this.timer.unref()
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer)
    await this.looking
  }

  /** One look that begins after this call. A namespace that fails does not keep the others from theirs. */
  look(isStart = false): Promise<void> {
    this.looking = this.looking.then(async () => {
      for (const { namespace } of this.namespaces)
        try {
          await this.lookAt(namespace, isStart)
        } catch (error) {
          this.onFailure(error, namespace)
        }
    })
    return this.looking
  }

  protected abstract lookAt(namespace: string, isStart: boolean): Promise<void>
}
