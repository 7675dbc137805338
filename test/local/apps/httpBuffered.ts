/** The HTTP functions without streams. */
import './http.ts';
