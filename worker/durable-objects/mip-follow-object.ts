import { DurableObject } from 'cloudflare:workers'
import { MIP_TAIL_PING_MS, MIP_TAIL_RETRY_MS } from '../../schemas/limits-mip.ts'
import type { TailHost, WantedTail } from '../ports/tail-host.ts'
import { TailKeeper } from './tail-keeper.ts'

const WANTED = 'wanted'

/**
 * The Durable Object class that holds WebSockets to publishers that this deployment follows, over the host that `open` builds from the bindings.
 * Derived state: what is wanted is told every minute, and a tail that is down costs waiting for the next look. Sockets that go out cannot sleep, so
 * the object is awake while something is followed.
 */
export const mipFollowObject = <E>(open: (env: E) => TailHost) =>
  class MipFollowObject extends DurableObject<E> {
    readonly keeper: TailKeeper

    constructor(state: DurableObjectState, env: E) {
      super(state, env)
      this.keeper = new TailKeeper(open(env), () => state.waitUntil(this.soon()))
    }

    /** What is followed now. To be called every minute. */
    async keep(wanted: readonly WantedTail[]): Promise<void> {
      const { storage } = this.ctx
      if (JSON.stringify(await storage.get(WANTED)) !== JSON.stringify(wanted)) await storage.put(WANTED, wanted)
      if (wanted.length === 0) await storage.deleteAlarm()
      else if ((await storage.getAlarm()) === null) await storage.setAlarm(Date.now() + MIP_TAIL_PING_MS)
      await this.keeper.open(wanted)
    }

    /** Armed before anything else: after an eviction it is what brings the tails back. */
    override async alarm(): Promise<void> {
      const wanted = (await this.ctx.storage.get<WantedTail[]>(WANTED)) ?? []
      if (wanted.length === 0) return
      await this.ctx.storage.setAlarm(Date.now() + MIP_TAIL_PING_MS)
      this.keeper.beat()
      await this.keeper.open(wanted)
    }

    /** Tails that stand open. */
    async openTails(): Promise<number> {
      return this.keeper.count
    }

    /** A publisher that starts anew is there again in a moment. */
    async soon(): Promise<void> {
      await this.ctx.storage.setAlarm(Date.now() + MIP_TAIL_RETRY_MS)
    }
  }
