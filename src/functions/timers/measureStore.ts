import { app } from '@azure/functions';
import { appContext } from '../appContext.ts';

/**
 * Keeps the store's size for the plot, also where nobody looks at it: four points a day show its growth, and wake an app
 * that has scaled to zero no oftener. A listing of 10,000 images is ten requests.
 */
app.timer('measure-store', {
  schedule: '0 15 */6 * * *',
  handler: async () => {
    const { events, statistics } = await appContext();
    const { images, bytes } = await statistics.storeSize();
    events.emit({ type: 'store', images, bytes });
  },
});
