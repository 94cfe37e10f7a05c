// @ts-check
// The one clock that all takes follow: seconds on a common time axis, at any rate, forwards or backwards.

export class Clock {
  #now;
  #anchorTime = 0;
  #anchorNow = 0;
  #rate = 1;
  #running = false;

  /** @param {() => number} now milliseconds that never go back */
  constructor(now = () => performance.now()) {
    this.#now = now;
  }

  get running() {
    return this.#running;
  }

  get rate() {
    return this.#rate;
  }

  get time() {
    return this.#running ? this.#anchorTime + ((this.#now() - this.#anchorNow) / 1000) * this.#rate : this.#anchorTime;
  }

  start() {
    if (this.#running) return;
    this.#anchorNow = this.#now();
    this.#running = true;
  }

  stop() {
    this.#anchorTime = this.time;
    this.#running = false;
  }

  /** @param {number} timeS */
  seek(timeS) {
    this.#anchorTime = timeS;
    this.#anchorNow = this.#now();
  }

  /** @param {number} rate */
  setRate(rate) {
    this.seek(this.time);
    this.#rate = rate;
  }
}
